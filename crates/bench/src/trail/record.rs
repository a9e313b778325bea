//! A call → the records of it, and its place in the truth.
#![expect(
    clippy::indexing_slicing,
    reason = "fields of objects that are made here; a wrong one fails the tests of the generator"
)]

use serde_json::{Value, json};

use super::lake::{ACCOUNTS, Call, DAY, Maker, Record, moment};
use super::session::Session;
use super::{Count, Key};
use crate::names;

impl Maker {
    /// Writes a call down, in the trail of the caller, and of the owner where that is another; gives the id of the first.
    pub(super) fn record(
        &mut self,
        who: &Session,
        call: &Call<'_>,
        error: Option<(&str, &'static str)>,
        late: u32,
    ) -> String {
        let id = self.uuid();
        let outside = who.account.is_empty() || who.account == names::account(ACCOUNTS);
        let recipient = if outside {
            call.owner.clone()
        } else {
            who.account.clone()
        };
        let region = "eu-west-1";
        let mut identity = who.identity.clone();
        if let Some(key) = who.key.clone().or_else(|| who.console.then(|| self.key("ASIA"))) {
            identity["accessKeyId"] = key.into();
        }
        if let Some(service) = call.via {
            identity["invokedBy"] = service.into();
        }
        let address = format!(
            "10.{}.{}.{}",
            self.rng.below(256),
            self.rng.below(256),
            self.rng.below(256)
        );
        let mut value = json!({
            "eventVersion": "1.11",
            "userIdentity": identity,
            "eventTime": moment(self.now),
            "eventSource": call.source,
            "eventName": call.name,
            "awsRegion": region,
            "sourceIPAddress": address,
            "userAgent": "aws-sdk-rust/1.3.9 ua/2.1 api/s3#1.60.0 os/linux lang/rust#1.95.0 m/E,D app/made-up cfg/retry-mode#standard",
            "requestParameters": call.request,
            "responseElements": if error.is_some() { Value::Null } else { call.response.clone() },
            "additionalEventData": {"SignatureVersion": "SigV4", "CipherSuite": "TLS_AES_128_GCM_SHA256", "bytesTransferredIn": 0, "AuthenticationMethod": "AuthHeader", "x-amz-id-2": self.rng.hex(88), "bytesTransferredOut": self.rng.below(100_000)},
            "requestID": self.rng.hex(16).to_uppercase(),
            "eventID": id,
            "readOnly": !call.name.starts_with("Put"),
            "eventType": "AwsApiCall",
            "managementEvent": !call.data,
            "recipientAccountId": recipient,
            "eventCategory": if call.data { "Data" } else { "Management" },
            "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": format!("{}.amazonaws.com", region)},
        });
        if !call.listed.is_null() {
            value["resources"] = call.listed.clone();
        }
        if who.console {
            value["sessionCredentialFromConsole"] = "true".into();
        }
        if let Some((code, _)) = error {
            value["errorCode"] = code.into();
            value["errorMessage"] = "it did not work".into();
        }
        let others = !outside && call.owner != recipient;
        if outside || others {
            value["sharedEventID"] = self.uuid().into();
        }
        if others {
            let mut copy = value.clone();
            copy["eventID"] = self.uuid().into();
            copy["recipientAccountId"] = call.owner.clone().into();
            copy["userIdentity"] = json!({"type": "AWSAccount", "principalId": who.identity["principalId"], "accountId": who.account});
            self.put(call.owner.clone(), region, copy, late + 40);
        }
        self.put(recipient, region, value, late);
        self.count(who, call, error.map_or("success", |(_, outcome)| outcome));
        id
    }

    fn put(&mut self, account: String, region: &'static str, value: Value, late: u32) {
        let delivered = self.now + late;
        // Three in a hundred come twice.
        if self.rng.below(100) < 3 {
            let again = delivered + 60 + self.rng.below(3 * DAY as usize) as u32;
            self.records.push(Record {
                delivered: again,
                account: account.clone(),
                region,
                value: value.clone(),
            });
        }
        // One in five hundred is corrected later, under another id.
        if self.rng.below(500) == 0
            && value.get("sharedEventID").is_none()
            && value["eventSource"] != "sts.amazonaws.com"
        {
            let mut update = value.clone();
            let original = std::mem::replace(&mut update["eventID"], self.uuid().into());
            update["addendum"] =
                json!({"reason": "UPDATED_DATA", "updatedFields": "userAgent", "originalEventID": original});
            self.records.push(Record {
                delivered: delivered + 900,
                account: account.clone(),
                region,
                value: update,
            });
        }
        self.records.push(Record {
            delivered,
            account,
            region,
            value,
        });
    }

    fn count(&mut self, who: &Session, call: &Call<'_>, outcome: &'static str) {
        let now = moment(self.now);
        for resource in call.resource.split(' ') {
            let key = Key {
                origin: who.origin.clone(),
                principal: who.principal.clone(),
                source: call.source.to_owned(),
                name: call.name.to_owned(),
                resource: resource.to_owned(),
                outcome,
            };
            let count = self.truth.counts.entry(key).or_insert_with(|| Count {
                count: 0,
                first: now.clone(),
                last: now.clone(),
            });
            count.count += 1;
            count.first = count.first.clone().min(now.clone());
            count.last = count.last.clone().max(now.clone());
        }
    }
}
